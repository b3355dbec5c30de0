"""The pure codecs of the Mixin protocol: bytes in, bytes out."""
