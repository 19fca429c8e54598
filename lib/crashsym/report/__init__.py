# SPDX-License-Identifier: MIT
"""The account of an image as one HTML page, which needs no other file and no network."""
