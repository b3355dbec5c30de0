"""The chat process and its small framework; knows chat, not business."""
