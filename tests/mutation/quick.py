"""A plugin of pytest for runs that end at the first red: the shortest example of it is not looked for."""

from hypothesis import Phase, settings

settings.register_profile("first red", phases=(Phase.explicit, Phase.reuse, Phase.generate), database=None)
settings.load_profile("first red")
