"""The paper's experiments: their designs, and the evidence that decides its claims."""
