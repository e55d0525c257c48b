"""What the parts are worth: metrics, tasks, and the form in which every figure is kept."""
