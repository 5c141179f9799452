"""Events out: publishes the decision log to a broker; knows the runtime, no wire."""
