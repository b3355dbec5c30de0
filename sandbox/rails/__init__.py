"""The chains between the sandbox's far sides: what one sends to an address, the other sees arrive there."""
