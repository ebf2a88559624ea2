"""Model fitting, model selection and held-out prediction."""
