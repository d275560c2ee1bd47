"""Fine-tune a code model so that the Python it writes runs faster and uses less memory."""

__version__ = "0.1.0"
