"""What people read: the projector, and one module per read model. The table of contents is read_models.py."""
