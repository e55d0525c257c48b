"""From a folder of pictures to a model that ships. Needs the extra [train]; nothing that serves imports this room.

The shipped compact models, from the real data:

    outfit train prepare --data FOLDER       decode every picture once                                 cache.py
    outfit train compact --minutes 90        train image and text together, resumable at any step      compact.py
    outfit train export                      polish.py, calibration.py, release.py, export.py
    outfit train evaluate --run FOLDER       measure on held-out products, write the card              card.py

A shop's own, from its pictures alone:

    outfit train split FOLDER                what trains, what tests, with a reason for each picture   shots.py, manifest.py
    outfit train pretrain FOLDER             DINO self-distillation, no labels                         pretrain.py
    outfit train finetune FOLDER --loss L    one sub-folder a class or product; four losses            finetune.py

Who is held out is decided by a hash of the product's id (split.py) and by nothing else.
"""
