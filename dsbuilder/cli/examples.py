"""Examples of every verb, which its `--help` ends with: command lines as they are typed.

They stand in one table, so that they can be tried: each is parsed as the command line parses it.
"""

from collections.abc import Mapping
from types import MappingProxyType

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "init": (
            ("init photos", "writes photos.yaml"),
            ("init photos --use list --output pets.yaml", "another layout, another name"),
        ),
        "check": (
            ("check pets.yaml", "every mistake, each with its line"),
            ("check pets.yaml --set size=160 --json", "as it would be, for a script"),
        ),
        "inspect": (
            ("inspect pets.yaml --sheet findings.png", "what is found, as a picture too"),
            ("inspect pets.yaml --exclude leave_out.txt", "a list for build --exclude"),
            ("inspect pets.yaml --augment", "what augmentation does to labels"),
        ),
        "preview": (
            ("preview pets.yaml", "originals beside their variants"),
            ("preview pets.yaml --stages --output stages.png", "what each stage does"),
        ),
        "plan": (("plan pets.yaml", "what a build would make, and what it would reuse"),),
        "build": (
            ("build pets.yaml", "out/pets/1.0.0"),
            ("build pets.yaml --out /data --workers 8", "elsewhere, by eight processes"),
            ("build pets.yaml --set augment.copies=5", "with another option, for this time"),
        ),
        "info": (("info out/pets", "splits, classes, sizes"),),
        "report": (("report out/pets", "a page to look at and to share"),),
        "browse": (
            ("browse out/pets", "samples in a browser, to filter and to mark"),
            ("browse pets.yaml", "the same before anything is built, of some records"),
        ),
        "verify": (("verify out/pets", "exits with 1 where a file is not as it was built"),),
        "explain": (("explain out/pets cat/tom.jpg//copy-1 --output tom.png", "drawn as well"),),
        "replay": (("replay out/pets cat/tom.jpg//copy-1", "makes it again, compares bytes"),),
        "diff": (("diff out/pets/1.0.0 out/pets/1.1.0", "samples added, removed, changed"),),
        "clean": (
            ("clean out/pets --dry-run", "what would be removed"),
            ("clean out", "builds of every dataset that no version stands for"),
        ),
        "export": (
            ("export out/pets --out pets", "class folders"),
            ("export out/pets --to imagefolder --out pets --card", "with what catalogs read"),
        ),
        "card": (("card out/pets", "README.md, samples.jsonl and croissant.json"),),
        "train": (
            ("train pets.yaml", "builds as far as needed; runs/pets-1"),
            ("train photos", "a folder of images: the model is chosen by the data"),
            ("train pets.yaml --set train.epochs=30 --run runs/long", "another option and folder"),
            ("train pets.yaml --resume", "goes on with a run that was stopped"),
        ),
        "bench": (("bench out/pets", "what bounds a training, and what to change"),),
        "diagnose": (("diagnose pets.yaml --baseline 0.02", "beside an error that can be had"),),
        "ablate": (
            ("ablate pets.yaml", "trainings without each stage"),
            ('ablate pets.yaml --add "{use: A.CLAHE}" --seeds 3', "and with another one"),
        ),
        "tune": (("tune pets.yaml --minutes 60", "better values of what the section tune names"),),
        "synth": (
            ("synth train pets.yaml --gan cgan", "a GAN of the images of train"),
            ("synth sample runs/pets-gan-1 --count 1000 --output bank", "images of it"),
        ),
        "evaluate": (
            ("evaluate runs/pets-1", "on the test split, each score with its interval"),
            ("evaluate runs/pets-1 --mistakes worst", "the worst mistakes, drawn"),
        ),
        "suspects": (("suspects pets.yaml --sheet suspects.png", "labels that may be wrong"),),
        "runs": (("runs", "all below runs/"),),
        "predict": (
            ("predict runs/pets-1 holiday", "a folder of images"),
            ("predict runs/pets-1 tom.jpg --why reasons --top 3", "and where the reason lies"),
        ),
        "export-model": (
            ("export-model runs/pets-1 --to tflite --int8", "for a phone"),
            ("export-model runs/pets-1 --to onnx --out pets.onnx", "for ONNX Runtime"),
        ),
        "params": (("params runs/pets-1 --values weights.npz", "weights in numbers, and as file"),),
        "doctor": (("doctor", "what is there, and what is missing for a GPU"),),
        "plugins": (
            ("plugins list --kind transform", "what a stage can name"),
            ("plugins show resize", "one, with its options"),
            ("plugins new shear --kind transform", "one of your own, to begin with"),
            ("plugins test plugins/shear.py", "whether it keeps its promises"),
        ),
        "schema": (
            ("schema --output .dsbuilder.schema.json", "for the editor of a pipeline"),
            ("schema --tables README.md", "tables of options in a page, of a plugin say"),
        ),
        "completion": (("completion bash", "the script; see above where it goes"),),
    }
)
"""Examples by verb: the words after `dsbuilder`, and what they do."""


_WIDEST = 44


def text_of(verb: str) -> str | None:
    """Returns what the help of a verb ends with; None if it has no example."""
    found = EXAMPLES.get(verb, ())
    width = max((len(line) for line, _ in found if len(line) <= _WIDEST), default=0)
    shown = (f"  dsbuilder {line.ljust(width)}  # {what}" for line, what in found)
    # Marks a paragraph that click leaves as it is.
    return "\b\nExamples:\n" + "\n".join(shown) if found else None
