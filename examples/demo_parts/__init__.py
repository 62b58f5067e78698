"""The parts of `examples/demo.py`, in the order in which it uses them.

photos    JPEG crops of real photographs, and the slow loader that reads them
caching   a loader behind `storage.cacheable`, timed
model     a small classifier in plain NumPy
training  the training process: stream, loader, checkpoints
processes starts training processes, and kills one
runs      what a run wrote down, and whether two runs are equal
plot      the loss curves as a picture
report    what is printed
"""
