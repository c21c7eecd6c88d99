"""What an MCP client sees: tools, prompts, resources, and how long a call may wait."""
