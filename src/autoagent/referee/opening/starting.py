"""The start of a climb: everything is frozen by content (rule R1)."""

from autoagent.environments.kinds import kind_of
from autoagent.evidence import events
from autoagent.gateway.plan import plan
from autoagent.gateway.ready import model_row
from autoagent.referee import budget, measuring
from autoagent.referee.candidates import baseline_draft
from autoagent.referee.climb import Climb
from autoagent.worker.host import host_of
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tasks import snapshot


def start(before: Climb, tag: str) -> Climb:
    """Freeze tasks, verifiers, program, fixed section, model and config; the climb that begins.

    Args:
        before: The climb that is over, or none; whether its night goes on is in its journal (R10).
        tag: The new climb's.

    Raises:
        AutoAgentError: As `Referee.start_climb` says; nothing has begun.
    """
    workspace = open_workspace(before.workspace.root)
    config, engine = workspace.config, before.engine
    engine.check(config.isolation, config.benchmark.environment)
    continues, caps = before.continues, before.caps_of(config)
    measuring.refuse_stopped(workspace)
    if continues:
        measuring.refuse_spent(before, caps)
    config = config.model_copy(update={"budget": caps})
    played = workspace.replace(config=config)
    climb = Climb(played, engine, before.journal, before.tier)
    draft, split, model = baseline_draft(workspace)
    model_row(config, model, workspace.root, draft.output_limits)
    if config.gateway.preflight and (planned := plan(config, model, workspace.root)) is not None:
        from autoagent.gateway.preflight import ask  # only where there is a model to ask

        ask(planned)
    head = climb.projection.clean_head(tag)
    kind = kind_of(config.benchmark.environment)
    frozen = snapshot.take(workspace, split.fixed, kind.gives, host=host_of(workspace, model))
    engine.check_tasks(config.benchmark.environment, frozen.composed)
    if continues:
        measuring.refuse_short(climb, len(frozen.tasks), len(frozen.holdout))
    else:
        budget.require_enough(config, caps, len(frozen.tasks), len(frozen.holdout))
    commit = climb.projection.store(draft.files, parent=head, message=f"baseline of {tag}")
    baseline = draft.stored(commit, parent=None, description="baseline")
    started = events.ClimbStarted(
        tag=tag,
        snapshot=frozen.digest,
        tasks=tuple(task.name for task in frozen.tasks),
        holdout=tuple(task.name for task in frozen.holdout),
        excluded=frozen.excluded,
        baseline=baseline,
        model=model,
        config=config.model_dump(mode="json", by_alias=True),
        head=head,
        isolation=config.isolation,
        tier=climb.tier,
        continues=continues,
    )
    if not continues:
        climb.journal.hours.set_by_the_wall()
    climb.append(started, tag)
    return climb
