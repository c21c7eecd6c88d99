from typing import NamedTuple
from pathlib import Path
class Copy(NamedTuple):
    sources: tuple[str, ...]; target: str; chmod: int | None = None
class Run(NamedTuple):
    command: str
class Workdir(NamedTuple):
    path: str
class Env(NamedTuple):
    name: str; value: str
class Recipe(NamedTuple):
    steps: tuple
def read_dockerfile(path):
    steps=[]
    for l in Path(path).read_text().splitlines():
        w=l.split()
        if not w or w[0]=='FROM' or w[0][0]=='#': continue
        if w[0]=='WORKDIR': steps.append(Workdir(w[1]))
        elif w[0]=='COPY': steps.append(Copy(tuple(w[1:-1]),w[-1]))
        elif w[0]=='RUN': steps.append(Run(l[4:]))
        elif w[0]=='ENV': k,v=l[4:].split('=',1); steps.append(Env(k,v))
    return Recipe(tuple(steps))
