import pytest
from pathlib import Path
from .conftest import *

async def test_x(connect: Connect, workspace: Path) -> None:
    async with connect() as caller:
        import json
        for n,a in [("status",{}),("start_climb",dict(tag="night")),("run_benchmark",{}),("status",{}),("append_result",{}),("read_file",dict(path="agent.py")),("compare",{}),("read_trajectory",dict(trial="e3.t3.1"))]:
            r=await caller.result(n,**a)
            print("=====",n); print(text_of(r)); print(json.dumps(r.structured_content))
        edit(workspace)
        for n,a in [("commit_candidate",dict(description="x",dry_run=True)),("commit_candidate",dict(description="x")),("run_benchmark",{}),("compare",{}),("append_result",{}),("finish_climb",{})]:
            r=await caller.result(n,**a)
            print("=====",n); print(text_of(r)); print(json.dumps(r.structured_content))
