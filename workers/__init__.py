"""The taskiq side: broker, middleware, thin tasks and the scheduler."""
