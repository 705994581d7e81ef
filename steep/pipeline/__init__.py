"""Behind continued pre-training: instructions and preferences (sft, dpo)."""
