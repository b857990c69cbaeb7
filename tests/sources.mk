# Programs of the test tree that are not unit tests: fuzz targets, bench drivers.
