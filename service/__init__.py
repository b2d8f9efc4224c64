"""The house, floor by floor; imports go down only.

app         puts the parts together
web  cli    the counter: HTTP and the terminal
server      the processes that serve it
scheduler   the clock's hand;  documents: what is printed
commands    what people and the clock do;  queries: what they look up
work        the unit of work: one actor, one moment, one transaction
models      what is kept;  engine: what owners drew, interpreted;  rules: what law and municipality say
vault       keys and secrets;  config  clock;  post: a letter to a mail server
            merkle  verifier: the arithmetic of proof, for others to check
errors      what can go wrong, in our words;  disk: files that are whole or not there
"""
