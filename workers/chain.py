"""The loop that seals transfers into the chain, and looks through all of it every hour."""

from domain.services.chain import ChainService

NAME = "chain"
EVERY_S = 2.0


class ChainWorker:
    """Links what is new and looks at the next page of the past."""

    def __init__(self, chain: ChainService) -> None:
        self._chain = chain

    async def round(self) -> str:
        """Do one round and say what came of it."""
        return await self._chain.round()
