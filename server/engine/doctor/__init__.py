"""Why a forward failed, and the smallest changes after which it would not have."""
