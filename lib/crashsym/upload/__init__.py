# SPDX-License-Identifier: MIT
"""Symbol files reach symbol servers, and that is proven."""
