"""What a robot reports of a job: the values that go in, and the rules that they keep.

Bad values would stay in the log for ever and stop its readers later, so they are refused before there is an event.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, NotRequired
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError, core_schema, to_json
from typing_extensions import TypedDict

from domain import limits
from domain.names import SEEN_PATTERN, is_blank
from domain.times import in_utc

if TYPE_CHECKING:
    from collections.abc import Iterable


class JobStatus(StrEnum):
    """How a job ended."""

    SUCCESS = "success"
    FAILED = "failed"
    PARTIAL_SUCCESS = "partial_success"
    CANCELLED = "cancelled"


class DetailStatus(StrEnum):
    """How it went with one record."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_HOUR, _MINUTE = "([01][0-9]|2[0-3])", "[0-5][0-9]"
# fromisoformat alone would take an offset of +05:60, and from Python 3.14 on 24:00. RFC 3339 has a colon in the offset;
# what `%z` of C and Python writes, +0000, has none.
_RFC_3339 = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt ]{_HOUR}:{_MINUTE}:[0-9]{{2}}(\.[0-9]{{1,9}})?([Zz]|[+-]{_HOUR}:?{_MINUTE})?"
)


def _rfc_3339(value: object) -> object:
    # pydantic alone would also take "1773178431" for a time, and a date for midnight.
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        with suppress(ValueError):  # the 30th of February has the right form
            return datetime.fromisoformat(value.upper())
    if isinstance(value, datetime):
        return value
    raise PydanticCustomError("not_rfc_3339", "not RFC 3339")


def _in_range(time: datetime) -> datetime:
    if not limits.TIME_MIN <= time < limits.TIME_MAX:
        raise PydanticCustomError("time_out_of_range", "time out of range")
    return time


def _not_blank(text: str) -> str:
    # People look for a job by its robot and its tags, and click on them.
    if is_blank(text):
        raise PydanticCustomError("blank", "blank")
    return text


def _not_before_start(finished_at: datetime | None, info: ValidationInfo) -> datetime | None:
    started_at = info.data.get("started_at")
    if finished_at is not None and started_at is not None and _is_before(finished_at, started_at):
        raise PydanticCustomError("finished_before_started", "finished before started")
    return finished_at


def _is_before(finished_at: datetime, started_at: datetime) -> bool:
    """Return whether a job ended before it began. An end in whole seconds may stand for any instant of its second."""
    if finished_at.microsecond == 0:
        started_at = started_at.replace(microsecond=0)
    return finished_at < started_at


AS_WRITTEN: Final = "data as written"
"""In the context of a validation: `data` as compact JSON, with the digits of its numbers, which a float does not have.

Without it, the numbers are those that the parser has made.
"""


def _as_text(data: dict[str, Any], info: ValidationInfo) -> str:
    written = (info.context or {}).get(AS_WRITTEN)
    text: str = to_json(data).decode() if written is None else written
    if len(text.encode()) > limits.DATA_BYTES_MAX:
        raise PydanticCustomError("data_too_large", "data too large")
    return text


def _unique_sequence_numbers(details: list[Detail]) -> list[Detail]:
    seen: set[int] = set()
    repeated: list[int] = []
    for index, detail in enumerate(details):
        number = detail["sequence_no"]
        if number in seen and len(repeated) <= limits.ERRORS_LISTED_MAX:
            repeated.append(index)
        seen.add(number)
    if repeated:
        raise PydanticCustomError("sequence_no_repeated", "sequence_no repeated", {"indexes": repeated})
    return details


TIME_PATTERN: Final = "^(19[7-9][0-9]|2[01][0-9]{2})-"
"""The years that there are, as JSON Schema can say it."""
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc_3339, json_schema_input_type=datetime),
    AfterValidator(_in_range),
    AfterValidator(in_utc),
    Field(json_schema_extra={"pattern": TIME_PATTERN}),
]
JsonObject = Annotated[
    str,
    GetPydanticSchema(
        lambda _, handler: core_schema.with_info_after_validator_function(_as_text, handler(dict[str, Any]))
    ),
]
"""An object that a robot sends as it likes: kept as the text of its JSON."""
Label = Annotated[str, Field(max_length=limits.LABEL_CHARS_MAX)]
Text = Annotated[str, Field(max_length=limits.TEXT_CHARS_MAX)]
_SEEN = {"pattern": SEEN_PATTERN}
Tag = Annotated[
    str, Field(min_length=1, max_length=limits.TAG_CHARS_MAX, json_schema_extra=_SEEN), AfterValidator(_not_blank)
]
RobotId = Annotated[
    str, Field(min_length=1, max_length=limits.ROBOT_ID_CHARS_MAX, json_schema_extra=_SEEN), AfterValidator(_not_blank)
]
Summary = Annotated[str, Field(max_length=limits.SUMMARY_CHARS_MAX)]


class Detail(TypedDict):
    """One record that the job worked on."""

    # A dict and not an object, since a job may have 50,000 of them.
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc] # pydantic's own way to configure a TypedDict

    sequence_no: Annotated[
        int,
        Field(
            ge=0,
            le=limits.SEQUENCE_NO_MAX,
            description="The place of the record in the job; unique in it. 60.0 will do for 60.",
        ),
    ]
    status: Annotated[DetailStatus, BeforeValidator(_lower), Field(description="In any case: `SUCCESS` will do too.")]
    record_id: NotRequired[Annotated[Label | None, Field(description="The record's id in the system that it is from.")]]
    record_name: NotRequired[Annotated[Label | None, Field(description="What people call the record.")]]
    result: NotRequired[Annotated[Text | None, Field(description="What came out.")]]
    error_message: NotRequired[Annotated[Text | None, Field(description="Why it failed.")]]


class Report(BaseModel):
    """A whole job.

    Unknown fields are refused by name: `data` is the place for your own. Optional fields may be null or left out. No
    string may hold NUL or half of a surrogate pair.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow_id: Annotated[
        UUID,
        Field(description="The process: one of the key's account, and the key's own when it is for one process."),
    ]
    robot_id: Annotated[RobotId, Field(description="The machine that ran the job. Not blank.")]
    started_at: Annotated[Time, Field(description="With a time zone, from 1970 to 2199, as in `2026-03-10T21:43:51Z`.")]
    finished_at: Annotated[
        Time | None,
        AfterValidator(_not_before_start),
        Field(
            description=(
                "Not before started_at; in whole seconds, not before the second of it. When it is left out, the time of"
                " receipt."
            )
        ),
    ] = None
    status: Annotated[
        Annotated[JobStatus, BeforeValidator(_lower)] | None,
        Field(
            description=(
                "In any case. Without it computed from the details: all that were not skipped succeeded, `success`; all"
                " failed, `failed`; else `partial_success`. Without details: `failed` when there is an error_message,"
                " else `success`."
            )
        ),
    ] = None
    target: Annotated[Label | None, Field(description="What the job worked on, such as an application.")] = None
    source: Annotated[Label | None, Field(description="Where its input came from.")] = None
    result_summary: Annotated[Summary | None, Field(description="For people, in a line or two.")] = None
    error_message: Annotated[Text | None, Field(description="Why it failed.")] = None
    external_id: Annotated[Label | None, Field(description="The job's id in the RPA tool.")] = None
    tags: Annotated[
        Annotated[list[Tag], Field(max_length=limits.TAGS_MAX)] | None,
        Field(description="Labels to find it by. Not blank."),
    ] = None
    data: Annotated[
        JsonObject | None,
        Field(
            description=(
                "Your own fields, kept as sent, with all digits of a number: up to"
                f" {limits.DATA_BYTES_MAX} bytes as compact JSON."
            )
        ),
    ] = None
    # It stops at the first wrong one: they may break hundreds of thousands of rules.
    details: Annotated[
        Annotated[
            list[Detail],
            Field(max_length=limits.DETAILS_MAX, fail_fast=True),
            AfterValidator(_unique_sequence_numbers),
        ]
        | None,
        Field(
            description=(
                f"The records, with a sequence_no each that no other has. More than {limits.DETAILS_MAX} are a 413:"
                " report several jobs then."
            )
        ),
    ] = None


class Counts(BaseModel):
    """How many records a job worked on, by status."""

    model_config = ConfigDict(frozen=True)

    total: int
    success: int
    failed: int
    skipped: int

    @classmethod
    def of(cls, details: Iterable[Detail]) -> Counts:
        # Counted, not looked up: the members of an enum are slow to hash and to list.
        statuses = [detail["status"] for detail in details]
        return cls(
            total=len(statuses),
            success=statuses.count(DetailStatus.SUCCESS),
            failed=statuses.count(DetailStatus.FAILED),
            skipped=statuses.count(DetailStatus.SKIPPED),
        )


def duration_seconds(started_at: datetime, finished_at: datetime) -> float:
    """Return how long a job ran, in seconds: never less than none, also where its end was told in whole seconds."""
    return max(0.0, (finished_at - started_at).total_seconds())


def computed_status(counts: Counts, error_message: str | None) -> JobStatus:
    """Return the status of a job that was reported without one (contract, `status`).

    All records that were not skipped succeeded: success; all failed: failed; else partial_success. A job without
    details failed when there is an error message. One whose records were all skipped succeeded: nothing went wrong.
    """
    if counts.total == 0:
        return JobStatus.FAILED if error_message else JobStatus.SUCCESS
    if counts.failed == 0:
        return JobStatus.SUCCESS
    return JobStatus.FAILED if counts.success == 0 else JobStatus.PARTIAL_SUCCESS
