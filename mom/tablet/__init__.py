"""The shop-floor tablet: its pages, what it keeps without contact, and who holds it."""
