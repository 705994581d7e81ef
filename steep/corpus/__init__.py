"""Corpus: from documents to retold, mixed, tokenised, packed batches."""
