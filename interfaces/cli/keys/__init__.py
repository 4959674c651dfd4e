"""`rpawatch keys`: made, listed, ended; searched for where they lie about; and what is the matter with them."""
