"""What a read model makes of the log never changes under one name: tables with this name are in databases.

The log is a file, drawn once as histories.py does and never again, and behind it the golden events, so that each kind
of event is there. Where a digest differs, its read model has other columns or indexes, is made of other events, or
makes something else of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.versions import VERSIONS
from tests.support.versions import found_digests, raised

if TYPE_CHECKING:
    from tests.projections.support import World


def test_what_a_read_model_makes_of_the_log_is_what_its_name_stands_for(world: World) -> None:
    found = found_digests(world)
    changed = [name for name in found if name not in VERSIONS or found[name] != VERSIONS[name]["digest"]]
    assert not changed, (
        f"{', '.join(changed)}: not what stands in databases under this version. `make derived` gives it the"
        " next one, so that it is made anew from the first event."
    )
    assert VERSIONS.keys() == found.keys(), "a version of a read model that is gone"


def test_a_version_is_raised_where_the_digest_is_another_one_and_nowhere_else() -> None:
    same = {name: version["digest"] for name, version in VERSIONS.items()}
    assert raised(same) == VERSIONS

    changed = raised(same | {"key_list": "another", "new_list": "first"})

    assert changed["key_list"] == {"number": VERSIONS["key_list"]["number"] + 1, "digest": "another"}
    assert changed["new_list"] == {"number": 1, "digest": "first"}
    assert all(changed[name] == VERSIONS[name] for name in VERSIONS if name != "key_list")
