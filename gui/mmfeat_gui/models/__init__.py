"""Qt item models over the arrays of `mmfeat_gui.state`."""
