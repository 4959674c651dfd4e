"""What the API answers with: of each resource its fields, what makes it of what is stored, and an example.

An answer is a `TypedDict`, and so what is sent: nothing is copied or checked once more on the way. The type checker
sees that none of its fields is left out, in the code and in the example, and the document of the API is made of it.
"""
