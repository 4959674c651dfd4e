"""What can be asked: the commands, the event-sourced application that decides them, and the store that keeps them."""
