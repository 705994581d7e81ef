"""The other side of ``prepare.py``, run by a Python that has datatrove (0.10), with one worker."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.pipeline.writers import JsonlWriter

sys.path.insert(0, str(Path(__file__).parent))
from prepare import recall


def main() -> None:
    """Run every stage, one after the other as datatrove's own examples do."""
    source, work, tokenizer = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    began = time.process_time()
    exact = ExactDedupConfig(content_getter=lambda document: document.text)
    near = MinhashConfig()
    stages = [
        [
            JsonlReader(str(source.parent), glob_pattern=source.name),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            JsonlWriter(str(work / "clean"), compression=None),
            ExactDedupSignature(str(work / "exact"), exact),
        ],
        [ExactFindDedups(str(work / "exact"), str(work / "copies"), exact)],
        [
            JsonlReader(str(work / "clean")),
            ExactDedupFilter(str(work / "copies"), exact),
            JsonlWriter(str(work / "distinct"), compression=None),
            MinhashDedupSignature(str(work / "signatures"), near),
        ],
        [MinhashDedupBuckets(str(work / "signatures"), str(work / "buckets"), config=near)],
        [MinhashDedupCluster(str(work / "buckets"), str(work / "near"), config=near)],
        [
            JsonlReader(str(work / "distinct")),
            MinhashDedupFilter(str(work / "near")),
            JsonlWriter(str(work / "kept"), compression=None),
            DocumentTokenizer(str(work / "tokens"), f"{tokenizer}/tokenizer.json"),
        ],
    ]
    for number, stage in enumerate(stages):
        # The buckets of MinHash are a task each.
        tasks = near.num_buckets if isinstance(stage[0], MinhashDedupBuckets) else 1
        LocalPipelineExecutor(
            stage, tasks=tasks, workers=1, logging_dir=str(work / f"log{number}")
        ).run()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - began + ended.ru_utime + ended.ru_stime
    clean = _ids(work / "clean")
    kept = {name: name for name in _ids(work / "kept")}
    tokens = sum(path.stat().st_size // 2 for path in (work / "tokens").glob("*.ds"))
    peak = max(
        resource.getrusage(kind).ru_maxrss
        for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    found = {"processor_seconds": spent, "peak_bytes": 1024 * peak, "tokens": tokens}
    found |= {"recall": recall(kept, set(clean)), "after_rules": len(clean), "kept": len(kept)}
    print(json.dumps(found))


def _ids(folder: Path) -> list[str]:
    lines = (line for path in sorted(folder.glob("*")) for line in path.open(encoding="utf-8"))
    return [json.loads(line)["id"] for line in lines]


if __name__ == "__main__":
    main()
