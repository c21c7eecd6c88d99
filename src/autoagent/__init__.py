"""AutoAgent: an MCP server that referees an overnight hill-climb.

The meta-agent proposes; the server alone measures, decides and writes down.
Start reading at `referee.py`, the rules in order of play.
"""
