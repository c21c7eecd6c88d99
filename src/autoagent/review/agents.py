"""A dozen cheap wrong agents: what each leaves behind, as a script for a task's environment.

None of them reads the task's tests. They write to the files that the instruction names, skip what
may be executed, and look only at the work directory and at what the instruction says.
"""

import re
import shlex
from typing import NamedTuple

COMMON = ("answer.txt", "output.txt", "result.txt")
"""Where an answer may be wanted that no file is named for."""
MOST_TARGETS = 8
_NAMED = re.compile(
    r"(?<![\w./~-])((?:/|\./)?(?:[\w@+-][\w.@+-]*/)*[\w@+-][\w@+-]*\.\w{1,8})(?![\w/])"
)
_ID = re.compile(r"\b[a-z]{1,4}-\d+\b")
_NO_FILE = re.compile(r"(?:e\.g|i\.e|etc|vs)$|^\d+(?:\.\d+)*$", re.I)

EXACT = "have the verifier compare what was asked for with what is there, not only that it is there"
WHOLE = "have the verifier compare the whole answer, not look for words in it"
ACTS = "have the verifier look at what was answered, beside which tools were called"


class WrongAgent(NamedTuple):
    """An agent that solves nothing: what it does, its shell, and the fix where it passes.

    `each`: its shell is run for each file that is asked for, which is `$1` there.
    """

    name: str
    does: str
    shell: str
    fix: str
    each: bool = True


AGENTS = (
    WrongAgent("empty", "leaves empty files", ': > "$1"', EXACT),
    WrongAgent("zero", "answers 0 to everything", 'printf "0\\n" > "$1"', EXACT),
    WrongAgent("yes", "answers Yes to everything", 'printf "Yes\\n" > "$1"', EXACT),
    WrongAgent("braces", "answers {} to everything", 'printf "{}\\n" > "$1"', EXACT),
    WrongAgent(
        "apology",
        "writes that it cannot do it",
        'printf "I am sorry, but I cannot help with this request. Please try again.\\n" > "$1"',
        EXACT,
    ),
    WrongAgent(
        "program",
        "leaves programs that do nothing",
        'printf "#!/bin/sh\\nexit 0\\n" > "$1" && chmod +x "$1"',
        "have the verifier run what was written, and compare what it prints",
    ),
    WrongAgent("echo", "repeats the instruction", 'printf "%s\\n" "$INSTRUCTION" > "$1"', WHOLE),
    WrongAgent(
        "words",
        "writes every word of the instruction, and every number to 1000",
        '{ printf "%s\\n" "$INSTRUCTION" | tr -cs "A-Za-z0-9_.-" "\\n"; seq 0 1000; } > "$1"',
        WHOLE,
    ),
    WrongAgent("dump", "writes all files of the work directory", 'dumped > "$1"', WHOLE),
    WrongAgent(
        "excerpt",
        "writes the first 1000 characters of all files of the work directory",
        'dumped | head -c 1000 > "$1"',
        WHOLE,
    ),
    WrongAgent(
        "copy",
        "copies the largest file of the work directory",
        'cp -f "$(inputs | xargs -r ls -S 2>/dev/null | head -n 1)" "$1"',
        EXACT,
    ),
    WrongAgent(
        "tools",
        "calls every tool and writes what they print",
        'called | head -c 20000 > "$1"',
        ACTS,
    ),
    WrongAgent(
        "delete",
        "deletes what lies in the work directory",
        "inputs | xargs -r rm -f",
        "have the verifier look for what should be there, beside what should not",
        each=False,
    ),
    WrongAgent(
        "reward",
        "writes a reward itself",
        "mkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.txt; "
        "echo '{\"reward\": 1}' > /logs/verifier/reward.json",
        "have test.sh remove /logs/verifier/reward.* first, and write its own in every case",
        each=False,
    ),
)

NOTHING = "#!/bin/bash\nexit 0\n"
_TOOLS = """\
inputs() { find . -type f ! -perm -u+x -size -2000k 2>/dev/null | sort | head -n 300; }
dumped() { inputs | while IFS= read -r f; do grep -Iq . "$f" && cat "$f"; done; }
called() {
  find . -maxdepth 3 -type f -perm -u+x 2>/dev/null | sort | head -n 8 | while IFS= read -r tool; do
    timeout 5 "$tool" </dev/null; timeout 5 "$tool" --help </dev/null
    verbs=$(timeout 5 "$tool" help </dev/null | grep -oE '^ *[a-z][a-z-]+' | sort -u | head -n 15)
    for verb in $verbs; do
      for id in "" $IDS; do timeout 5 "$tool" "$verb" $id </dev/null; done
    done
  done 2>&1
}
"""


def script(agent: WrongAgent, instruction: str) -> str:
    """What the agent runs for an instruction, for bash; it never fails."""
    ids = list(dict.fromkeys(_ID.findall(instruction)))[:2]
    lines = [
        "#!/bin/bash",
        f"INSTRUCTION={shlex.quote(instruction)}",
        f"IDS={shlex.quote(' '.join(ids))}",
        _TOOLS,
    ]
    if agent.each:
        lines.append(f"leave() {{ {agent.shell}; }}")
        for target in targets(instruction):
            place = shlex.quote(target)
            lines.append(f'[ -x {place} ] || {{ mkdir -p "$(dirname {place})"; leave {place}; }}')
    else:
        lines.append(agent.shell)
    return "\n".join([*lines, "exit 0", ""])


def targets(instruction: str) -> list[str]:
    """The files that an instruction names, or the usual ones where it names none."""
    named = [name for name in _NAMED.findall(instruction) if not _NO_FILE.search(name)]
    return list(dict.fromkeys(named))[:MOST_TARGETS] or [*COMMON]
