"""`forebay topics …`: write, check and compare topic files, and see what is made from them.

A command is one function in a module of this folder, and one line here. What a command needs of
Kafka, S3 or a warehouse it imports itself, when it runs: the others start in a moment.
"""

import typer

from app.commands.topics import backtest, check, diff, docs, import_, infer, lint, new, sample, show

topics = typer.Typer(
    help="Check the topic files, and see what is made from them.", no_args_is_help=True
)

topics.command()(check.check)
topics.command("lint")(lint.print_advice)
topics.command("diff")(diff.compare)
topics.command()(backtest.backtest)
topics.command()(infer.infer)
topics.command("import")(import_.import_schema)
topics.command()(new.new)
topics.command()(sample.sample)
topics.command()(show.table)
topics.command("openapi")(show.print_openapi)
topics.command()(docs.docs)
topics.command()(show.schema)
