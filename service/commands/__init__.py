"""What people and the clock do: each function one verb inside a unit of work; none of them commits."""
