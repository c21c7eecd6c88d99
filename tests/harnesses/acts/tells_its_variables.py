"""Tells what it finds set where it acts, in its trajectory and in files that are taken out."""


async def run_task(environment, instruction):
    await environment.exec("cp /app/question.txt /app/answer.txt")
    await environment.exec("env >/logs/artifacts/env; env >/logs/agent/env; printenv WORD >/app/w")
    await environment.download_file("/app/w", "w")
    with open("w") as file:
        downloaded = file.read()
    done = await environment.exec('env; echo "word has ${#WORD} characters"')
    return f"{done.stdout}\ndownloaded {downloaded}", 1
