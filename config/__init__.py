"""The one configuration model: YAML in, a frozen Config or all its errors out.

Nothing is imported here, so that a reader of the cache never pays for pydantic and YAML.
"""
