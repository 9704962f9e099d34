"""The authoring room: from solutions to what students get, and whether it all fits together."""
