"""A plan is dumped and read once a process, and nobody can tell."""

from schema.plan import Plan
from tests.documents import compiled
from tests.factories import a_start, a_template, an_end


def a_plan(template: str = "{{ x }}") -> Plan:
    nodes = [
        a_start("s", "x"),
        a_template("t", template, x=["s", "x"]),
        an_end("e", y=["t", "output"]),
    ]
    plan = compiled(nodes, [("s", "t"), ("t", "e")]).plan
    assert plan is not None
    return plan


def test_every_way_of_dumping_a_plan_gives_the_same_plan() -> None:
    plan = a_plan()

    dumps = [plan.model_dump(), plan.model_dump(exclude_none=True), plan.model_dump()]

    assert dumps[0] == dumps[2]
    assert [Plan.model_validate(each) for each in dumps] == [plan] * 3
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert "plan_sha" not in plan.model_dump(exclude={"plan_sha"})


def test_a_changed_copy_is_dumped_as_what_it_is() -> None:
    plan = a_plan()
    dumped = plan.model_dump()

    assert plan.model_copy(update={"app_name": "other"}).model_dump() == dumped | {
        "app_name": "other"
    }


def test_a_change_of_a_dump_changes_no_plan() -> None:
    plan = a_plan()
    dumped = plan.model_dump()
    dumped["graph"]["nodes"][0]["data"]["title"] = "changed"

    assert plan.model_dump()["graph"]["nodes"][0]["data"]["title"] == "S"


def test_a_plan_is_read_once_as_long_as_it_says_the_same() -> None:
    dumped = a_plan("read once {{ x }}").model_dump()

    assert Plan.model_validate(dumped) is Plan.model_validate(dict(dumped))


def test_another_plan_under_the_same_digest_is_read_for_itself() -> None:
    dumped = a_plan("mine").model_dump()
    forged = a_plan("forged").model_dump() | {"plan_sha": dumped["plan_sha"]}

    mine, other = Plan.model_validate(dumped), Plan.model_validate(forged)

    assert mine.model_dump() == dumped
    assert other.model_dump() == forged
    assert Plan.model_validate(dumped) == mine
