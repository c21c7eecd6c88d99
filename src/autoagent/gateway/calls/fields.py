"""What the gateway understands of a call's body; what else is in it is not passed on (rule R10).

The worst case that is reserved holds for what is understood: who could ask a server for more than
was reserved, for another model or for another's work would pass the cap. So the lists name what is
known to shape one answer, within its limit. Servers of open models and proxies grow fields of their
own (`n_predict` and `n_cmpl` of llama.cpp, `use_beam_search` of vLLM, `num_retries` of LiteLLM's
proxy): a human who knows one lets it through with `gateway.fields`.

Sources: the parameters of openai 2 and anthropic 2; vLLM's and llama.cpp's server documentation.
Left out of those on purpose: `prediction`, whose rejected tokens are billed beyond the limit;
`compaction`, for which a model is asked once more; `moderation`, another model; `chat_template`,
which makes many tokens of few bytes; `audio`, `modalities`, `inference_geo` and `billing_policy`,
other prices.
"""

from collections.abc import Collection, Mapping
from typing import Any

from autoagent.gateway.providers import Form

_SAMPLING = """
temperature top_p top_k min_p top_a typical_p tfs_z xtc_probability xtc_threshold seed
presence_penalty frequency_penalty repetition_penalty repeat_penalty repeat_last_n length_penalty
dry_multiplier dry_base dry_allowed_length dry_penalty_last_n dry_sequence_breakers
mirostat mirostat_tau mirostat_eta dynatemp_range dynatemp_exponent samplers
logit_bias logprobs top_logprobs n_probs prompt_logprobs
stop stop_token_ids bad_words ignore_eos min_tokens include_stop_str_in_output
skip_special_tokens spaces_between_special_tokens
"""
"""Which token comes next, and where the answer ends: before its limit."""
_TRUNCATION = "truncate_prompt_tokens"
_FORMS = """
response_format structured_outputs grammar json_schema guided_json guided_regex guided_choice
guided_grammar guided_decoding_backend guided_whitespace_pattern
chat_template_kwargs add_generation_prompt continue_final_message documents
parse_tool_calls reasoning_format return_token_ids
"""
"""What the answer looks like, and how the question is written out."""
_THINKING = """
reasoning reasoning_effort thinking verbosity enable_thinking thinking_budget thinking_config
include_reasoning
"""
"""How hard the model works, which is a part of the pin: see `effort`."""
_KEEPING = """
store metadata user safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options
cache_control cache_prompt service_tier client_metadata
"""
"""What is kept of the call, and who is told to have asked."""
_OPEN = (
    f"model stream stream_options usage {_SAMPLING} {_TRUNCATION} {_FORMS} {_THINKING} {_KEEPING}"
)

UNDERSTOOD: Mapping[Form, frozenset[str]] = {
    "chat": frozenset(
        f"""{_OPEN} messages max_tokens max_completion_tokens n
        tools tool_choice parallel_tool_calls functions function_call""".split()
    ),
    "responses": frozenset(
        f"""{_OPEN} input instructions max_output_tokens max_tool_calls include truncation text
        previous_response_id conversation context_management tools tool_choice parallel_tool_calls
        background""".split()
    ),
    "embeddings": frozenset(
        f"model input dimensions encoding_format user input_type {_TRUNCATION}".split()
    ),
    "messages": frozenset(
        f"""model messages max_tokens system stream stop_sequences temperature top_p top_k
        tools tool_choice output_config output_format context_management speed
        {_THINKING} {_KEEPING}""".split()
    ),
    "count_tokens": frozenset(
        f"""model messages system tools tool_choice output_config output_format speed
        {_THINKING} {_KEEPING}""".split()
    ),
}
"""The fields of each form of call."""


def not_understood(
    form: Form, told: Mapping[str, Any], let_through: Collection[str] = ()
) -> list[str]:
    """The fields of a body that say something that the gateway does not understand, in order.

    Args:
        form: What the body looks like.
        told: The body.
        let_through: What autoagent.toml lets through besides.
    """
    known = UNDERSTOOD[form]
    return [
        name
        for name, value in told.items()
        if value is not None and name not in known and name not in let_through
    ]
