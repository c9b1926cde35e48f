"""What tests of the command line share: how a command is called and what it tells."""

from eventsim.cli import main

SMALL = ["--set", "data.limit_train=20", "--set", "training.epochs=1"]


def caller(capsys):
    """Return a function from arguments to exit code, output and errors."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def error_of(result):
    """Return the one line that an error is told in."""
    code, out, err = result
    assert (code, out) == (1, "")
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    others = [
        line
        for line in err.splitlines()
        if not line.startswith(("error: ", "NOTE: ", "data: ", "epoch", "first start"))
    ]
    assert len(told) == 1
    assert others == []
    return told[0].removeprefix("error: ")
