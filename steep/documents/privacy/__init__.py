"""Privacy: secrets and personal data, found by their forms and blanked."""
