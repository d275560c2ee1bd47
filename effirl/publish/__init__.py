"""Give a finished run to others: its model, with a card made from what was measured.

A folder that was published holds all that effirl needs to use the model again: weights or adapter,
tokenizer, whether it is told alpha (`prompt.json`), and what it was trained on
(`trained_on.json`), so that nobody evaluates it on that.
"""
