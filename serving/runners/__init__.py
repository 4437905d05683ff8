"""The processes that translate, and the batches they get."""
