require prebuilt_1.0.bb

SUMMARY = "Another recipe with the same vendor's files"
