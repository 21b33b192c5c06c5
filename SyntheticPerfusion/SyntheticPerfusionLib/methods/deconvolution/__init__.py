"""Classical deconvolution: C(t) = CBF (Ca * R)(t) solved for CBF R(t), for all voxels at once.

A convolution with one arterial curve is one matrix for every voxel, so that its regularised
inverse is a matrix product over all of them. Curves run along rows, one voxel a row.
"""
