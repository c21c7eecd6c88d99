"""autoagent.toml: the rules of one climb, written by the human.

Gates, budgets and timeouts are chosen here and frozen by `start_climb`; no tool
changes them. A workspace without the file gets the upstream's defaults.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from autoagent.errors import ConfigError
from autoagent.records import GateRule

FILE_NAME = "autoagent.toml"
HOUR = r"^([01]\d|2[0-3]):[0-5]\d$"
URL = r"^https?://\S+$"
BASE_URL = r"^https?://[^\s?#]+$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
HARNESS_FILE = r"^[A-Za-z0-9_.-]+\.py$"
ENVIRONMENT = r"^(sandbox|docker|harbor:[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?)$"
CLASS = r"^[A-Za-z_]\w*$"
FORMS = {
    HOUR: 'an hour as HH:MM, such as "23:00"',
    URL: "a URL that begins with http:// or https://",
    BASE_URL: "a URL that begins with http:// or https://, with no ? or # in it",
    VARIABLE: "the name of an environment variable",
    HARNESS_FILE: "the name of a Python file at the workspace's root",
    ENVIRONMENT: '"sandbox", "docker" or "harbor:<type>", a provider of Harbor\'s',
    CLASS: "the name of a Python class",
}
"""What a text has to be, in words."""


class Section(BaseModel):
    """A table of autoagent.toml, or of a stand-in's rules: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Harness(Section):
    """`[harness]`: the file under test."""

    file: str = Field("agent.py", pattern=HARNESS_FILE)
    """The harness's file name, at the workspace's root."""
    class_name: str = Field("AutoAgent", alias="class", pattern=CLASS)
    """The Harbor agent class defined below the boundary."""
    model: str | None = None
    """The pinned model; None pins whatever MODEL says when the climb starts."""
    effort: Literal["frozen", "flagged"] = "frozen"
    """How hard a model may be asked to think: `frozen` as the baseline asks it, and any other call
    is refused; `flagged` lets it through, and the verdict says so with what it costs."""
    in_container: bool = False
    """The harness runs a part of itself in the task's environment: its files are put into `/app`,
    its packages can be imported there, and its commands reach its model."""


class Benchmark(Section):
    """`[benchmark]`: which tasks run, and how."""

    tasks: str = "tasks"
    """Directory of Harbor task directories, relative to the workspace."""
    only: tuple[str, ...] = Field((), strict=False)
    """Glob patterns of task names to run; empty means every task."""
    environment: str = Field("sandbox", pattern=ENVIRONMENT)
    """Where tasks run: `sandbox`, `docker`, or `harbor:<type>`, a provider of Harbor's."""
    every_task: bool = False
    """Start no climb where a task cannot be used; else such a task is left out, and is named."""
    verify_in_place: tuple[str, ...] = Field((), strict=False)
    """Patterns of tasks whose verifiers need what the harness left running; a weaker proof."""
    concurrency: int = Field(4, ge=1, le=256)
    """Trials that run at the same time."""
    attempts: int = Field(1, ge=1, le=100)
    """Trials of each task in one evaluation."""
    pass_reward: float = Field(1.0, gt=0.0, le=1.0, strict=False)
    """A trial passes at this reward or above."""
    reward_key: str | None = None
    """Which number of a verifier's reward.json counts. None: `reward`, or where there is none of
    that name the mean of all."""
    trial_timeout_seconds: float = Field(1800.0, gt=0, strict=False)
    """Cap on a task's own agent timeout, and the timeout of tasks that set none."""
    evaluation_timeout_seconds: float = Field(6 * 3600.0, gt=0, strict=False)
    """Hard wall clock of one evaluation."""
    void_retries: int = Field(2, ge=0, le=10)
    """How often a void trial is run again before the evaluation is indecisive."""
    verifier_output: Literal["shown", "hidden"] = "shown"
    """Whether the meta-agent may read what verifiers printed."""

    def is_in_place(self, task: str) -> bool:
        """Whether a task's verifier needs what was left running where the candidate acted."""
        return any(fnmatchcase(task, pattern) for pattern in self.verify_in_place)


class Gate(Section):
    """`[gate]`: the rule that decides a candidate."""

    rule: GateRule = "strict"
    """`strict`: more passed, or as many and simpler. `confirm`: that again, in fresh passes of both
    sides. `anytime`: until the evidence of fresh passes suffices. `posterior`: task by task, what
    is expected to gain. See docs/gates.md."""
    passes: int = Field(2, ge=2, le=3)
    """`confirm`: passes a candidate has to win, the first included."""
    alpha: float = Field(0.2, gt=0.0, lt=1.0)
    """`anytime`, and `posterior` where it is bounded: the chance of keeping what is no better."""
    bounded: bool = False
    """`posterior`: keep only where false keeps are bounded by `alpha` too; it keeps less."""
    pruning: bool = True
    """Stop as soon as nothing that is left could make a keep; no verdict changes by it. Under
    `posterior`: stop the first pass where no gain is expected any more."""


class Certify(Section):
    """`[certify]`: the fresh measurement when a climb is over."""

    passes: int = Field(3, ge=0, le=20)
    """Fresh passes of baseline and champion; 0 leaves a climb uncertified."""
    ablation: bool = False
    """Measure the champion without each kept edit too, where the budget allows it."""


class Budget(Section):
    """`[budget]`: caps on the whole night; None means no cap. `autoagent renew` starts another."""

    evaluations: int | None = Field(None, ge=1)
    """Evaluations of candidates, the baseline and subsets included."""
    hours: float | None = Field(None, gt=0, strict=False)
    """Wall clock since `start_climb`, that of the night's first climb."""
    sleep_counts: bool = False
    """Whether hours go on while the machine sleeps or is off, when nobody can work."""
    dollars: float | None = Field(None, gt=0, strict=False)
    """Model spending."""
    dollars_per_trial: float = Field(0.0, ge=0, strict=False)
    """Reserved before each trial starts; what a trial is charged when nothing was metered."""

    def without_caps(self) -> Self:
        """The same prices, and no cap."""
        return self.model_copy(update={"evaluations": None, "hours": None, "dollars": None})


class Night(Section):
    """`[night]`: how `autoagent night` drives an agent that speaks ACP. See docs/night.md."""

    agent: tuple[str, ...] = Field((), strict=False)
    """The command that starts the agent, word by word."""
    at: str | None = Field(None, pattern=HOUR)
    """When the night starts, as HH:MM; None starts at once."""
    until: str | None = Field(None, pattern=HOUR)
    """When the climb is certified at the latest, about; None leaves the end to the budget."""
    allow: tuple[str, ...] = Field((), strict=False)
    """Kinds of tool calls to grant besides, such as `execute` or `fetch`."""
    stall_minutes: float = Field(15.0, gt=0, strict=False)
    """An agent that does nothing for so long, while nothing is measured, is started again."""
    sessions: int = Field(40, ge=1)
    """How often the agent may be started."""
    turns: int = Field(200, ge=1)
    """How often it may be prompted, in all its sessions."""
    dollars: float | None = Field(None, gt=0, strict=False)
    """What the agent itself may cost, where it tells; `budget.dollars` is the harness's."""
    webhook: str | None = Field(None, pattern=URL)
    """Where the end of the night is posted, as JSON, and what a human should hear before."""
    quiet_minutes: float = Field(30.0, gt=0, strict=False)
    """The human is told when nothing was called for so long, while nothing is measured."""
    plateau: int = Field(10, ge=1)
    """Human and meta-agent are told when so many candidates were measured and none was kept."""


class Holdout(Section):
    """`[holdout]`: tasks the meta-agent never sees; only the certification runs them."""

    tasks: tuple[str, ...] = Field((), strict=False)
    """Glob patterns of names of tasks in `benchmark.tasks`."""
    directory: str | None = None
    """A directory of more held-out tasks, which may lie outside the workspace."""


class OpenAIUpstream(Section):
    """`[gateway.openai]`: where calls in OpenAI's form go."""

    base_url: str | None = Field(None, pattern=BASE_URL)
    """What the paths are put after, `/v1` included; None is OpenAI's own."""
    api_key_env: str = Field("OPENAI_API_KEY", pattern=VARIABLE)
    """The variable that holds the key, in the server's environment or in `.env`."""
    auth: Literal["bearer", "api-key", "x-api-key"] = "bearer"
    """How the key is sent: as a bearer token, or in a header of this name (Azure: `api-key`)."""


class AnthropicUpstream(Section):
    """`[gateway.anthropic]`: where calls in Anthropic's form go."""

    base_url: str | None = Field(None, pattern=BASE_URL)
    """What `/v1/messages` is put after; None is Anthropic's own."""
    api_key_env: str = Field("ANTHROPIC_API_KEY", pattern=VARIABLE)
    """The variable that holds the key, in the server's environment or in `.env`."""
    auth: Literal["bearer", "api-key", "x-api-key"] = "x-api-key"
    """How the key is sent: as a bearer token, or in a header of this name."""


class ModelPrice(Section):
    """`[gateway.prices."<model>"]`: dollars per million tokens, instead of the published ones."""

    input: float = Field(ge=0, strict=False)
    output: float = Field(ge=0, strict=False)
    cached: float | None = Field(None, ge=0, strict=False)
    """Input read from a prompt cache; None costs as much as any input."""
    cache_write: float | None = Field(None, ge=0, strict=False)
    """Input written to a prompt cache; None costs as much as any input."""
    max_output_tokens: int | None = Field(None, ge=1)
    """The most that one answer can hold, for reservations; None assumes 128,000."""


class Patience(Section):
    """`[gateway.patience]`: how long a failing provider is asked again."""

    tries: int = Field(6, ge=1)
    """How often a call is tried."""
    first_seconds: float = Field(0.5, ge=0, strict=False)
    """The first pause; each is twice as long as the one before."""
    longest_seconds: float = Field(30.0, ge=0, strict=False)
    """The longest pause."""
    longest_asked_seconds: float = Field(120.0, ge=0, strict=False)
    """The longest that the provider itself may ask for."""
    in_all_seconds: float = Field(300.0, ge=0, strict=False)
    """No pause begins that would end later than this after the call."""
    silence_seconds: float = Field(600.0, gt=0, strict=False)
    """A connection that says nothing for so long has failed."""
    probe_seconds: float = Field(10.0, gt=0, strict=False)
    """The first pause before a provider that is out is asked whether it is back; each is twice as
    long as the one before."""
    probe_longest_seconds: float = Field(300.0, gt=0, strict=False)
    """The longest of those."""

    @property
    def longest_call(self) -> float:
        """Seconds after which the fate of any call is known."""
        return self.in_all_seconds + 3 * self.silence_seconds


class GatewayConfig(Section):
    """`[gateway]`: how a harness reaches its model."""

    openai: OpenAIUpstream = OpenAIUpstream()  # pyright: ignore[reportCallIssue]
    anthropic: AnthropicUpstream = AnthropicUpstream()  # pyright: ignore[reportCallIssue]
    models: tuple[str, ...] = Field((), strict=False)
    """Models that a harness may call besides the pinned one, such as one for embeddings."""
    judge: str | None = None
    """A model that verifiers may call, and harnesses may not."""
    call_reserve_dollars: float | None = Field(None, gt=0, strict=False)
    """The most that is reserved for one call; None reserves the worst case. With a lower figure
    a cap can be passed by what calls under way cost beyond it."""
    fields: tuple[str, ...] = Field((), strict=False)
    """Fields of calls that are passed on besides those that the gateway understands. One by which a
    server makes more than it was asked for passes the cap."""
    replay: str | Annotated[tuple[str, ...], Field(strict=False)] | None = None
    """Directories of recorded evaluations to answer from, in the place of any provider."""
    prices: dict[str, ModelPrice] = {}
    """Prices by model."""
    preflight: bool = True
    """Ask each provider something that costs a token or so before a climb starts."""
    patience: Patience = Patience()  # pyright: ignore[reportCallIssue]


class SandboxConfig(Section):
    """`[sandbox]`: what tasks in `environment = "sandbox"` may start from."""

    images: dict[str, str] = {}
    """Archives or layouts of images, by the name that a task's FROM says: a path, relative to the
    workspace. What `autoagent image pull` fetched needs no line here."""


class Config(Section):
    """All of autoagent.toml."""

    isolation: Literal["sandbox", "process"] = "sandbox"
    """`process` runs the harness unsandboxed, where tasks run in containers or at a provider; every
    status and report says so."""
    harness: Harness = Harness()  # pyright: ignore[reportCallIssue]
    benchmark: Benchmark = Benchmark()  # pyright: ignore[reportCallIssue]
    sandbox: SandboxConfig = SandboxConfig()
    gate: Gate = Gate()  # pyright: ignore[reportCallIssue]
    budget: Budget = Budget()  # pyright: ignore[reportCallIssue]
    certify: Certify = Certify()  # pyright: ignore[reportCallIssue]
    holdout: Holdout = Holdout()  # pyright: ignore[reportCallIssue]
    gateway: GatewayConfig = GatewayConfig()  # pyright: ignore[reportCallIssue]
    night: Night = Night()  # pyright: ignore[reportCallIssue]
    variables: dict[str, str] = {}
    """What tasks' `${NAME}` stand for, where neither the environment nor `.env` says it. No place
    for a secret: the meta-agent reads this file."""


def load_config(workspace: Path) -> Config:
    """Read `workspace`/autoagent.toml; the upstream's defaults where there is none.

    Raises:
        ConfigError: One message with the file, the key, the value and the allowed form.
    """
    path = workspace / FILE_NAME
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return Config()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: byte {error.start} is not UTF-8. Save the file as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        config = Config.model_validate(tomli.loads(text))
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    except ValidationError as error:
        raise ConfigError(_first_problem(path, error)) from error
    if config.benchmark.environment != "sandbox" and (
        config.harness.in_container or config.gateway.judge
    ):
        key = "harness.in_container" if config.harness.in_container else "gateway.judge"
        raise ConfigError(
            f"{path}: `{key}` needs a way to the model from inside a task, which only "
            f'environment = "sandbox" has; it is {config.benchmark.environment!r}.'
        )
    return config


def _first_problem(path: Path, error: ValidationError) -> str:
    """Tell the first problem of a bad file: file, key, value, allowed form."""
    problem = error.errors(include_url=False)[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    more = f" ({error.error_count() - 1} more after this one)" if error.error_count() > 1 else ""
    if problem["type"] == "extra_forbidden":
        allowed = ", ".join(_keys_beside(location))
        return f"{path}: unknown key `{key}`. Allowed here: {allowed}.{more}"
    return f"{path}: `{key}` is {problem['input']!r}; {wanted(problem)}.{more}"


def wanted(problem: ErrorDetails) -> str:
    """What a value should have been: a clause."""
    if form := FORMS.get(problem.get("ctx", {}).get("pattern", "")):
        return f"it should be {form}"
    said = problem["msg"].rstrip(".").removeprefix("Value error, ")
    should = said.partition(" should be ")[2]
    return f"it should be {should}" if should else f"{said[:1].lower()}{said[1:]}"


def _keys_beside(location: list[str]) -> list[str]:
    """The keys allowed where an unknown one stood."""
    model: type[BaseModel] = Config
    for part in location[:-1]:
        if part not in model.model_fields:  # a name of the human's, as in [gateway.prices.NAME]
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]
