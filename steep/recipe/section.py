"""What every table of a recipe is made of: a frozen section, and the kinds of numbers in it."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Share = Annotated[float, Field(ge=0.0, le=0.9)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A frozen table of the recipe that refuses unknown keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def number_not_truth(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false for a number, of which Python would make 1 and 0."""
        if isinstance(value, bool) and info.field_name is not None:
            wanted = cls.model_fields[info.field_name].annotation
            if not _takes_truth(wanted):
                raise ValueError(f"{str(value).lower()} is no value for it; write one")
        return value


def _takes_truth(kind: Any) -> bool:
    return kind in (bool, Any) or any(map(_takes_truth, get_args(kind)))
