"""Every patch still fits the code it takes a protection from, and every protection of the contract has one."""

from pathlib import Path

import pytest

from deploy.chaos.kinds import Kind
from tests.model.focus import PROTECTIONS
from tests.mutants.__main__ import DoesNotFit, apply
from tests.mutants.mutants import MUTANTS, Chaos, Patch

ROOT = Path(__file__).parents[2]


def test_every_protection_of_the_contract_has_a_mutant() -> None:
    assert set(MUTANTS) == set(PROTECTIONS)


@pytest.mark.parametrize("name", MUTANTS)
def test_its_patches_fit(name: str) -> None:
    for patch in MUTANTS[name].patches:
        assert (ROOT / patch.file).read_text(encoding="utf-8").count(patch.now) == 1, patch.file


def test_the_faults_it_is_shown_by_exist() -> None:
    named = {fault for mutant in MUTANTS.values() if isinstance(mutant.proof, Chaos) for fault in mutant.proof.faults}
    assert named <= {kind.value for kind in Kind}


def test_a_patch_that_does_not_fit_is_told(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("one two two")
    apply(Patch("code.py", "one", "three"), tmp_path)
    assert (tmp_path / "code.py").read_text() == "three two two"
    with pytest.raises(DoesNotFit, match="2 times"):
        apply(Patch("code.py", "two", "four"), tmp_path)
