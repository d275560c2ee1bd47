"""Largest sum of 25 neighbours in the sequence 83*i*i mod 40961 for i below n, n at least 25."""

n = int(input())
terms = [83 * i * i % 40961 for i in range(n)]
windows = [terms[i : i + 25] for i in range(n - 25 + 1)]
print(max([sum(window) for window in windows]))
