"""The terms of the page that not every reader knows, with what they mean; the page links each use to its entry."""

GLOSSARY = {
    "AMI": "Adjusted mutual information of two groupings of the same images: about 0 by chance, 1 if they are the same. "
    "It asks how much one grouping tells about the other.",
    "ARI": "Adjusted Rand index of two groupings of the same images: about 0 by chance, 1 if they are the same. It counts "
    "pairs of images that both groupings put together or apart.",
    "bootstrap": "Images are drawn again and again, with replacement; the spread of a score over these draws is its interval.",
    "Brier score": "Mean squared distance of the predicted probabilities to the true label: 0 is perfect, 2 is the worst.",
    "Clopper-Pearson interval": "An interval of a share that holds its confidence level at least, also for few images.",
    "confident learning": "A method that finds likely label errors: it compares each label with the probabilities of a model "
    "that has not seen the image, and allows for labels on which the model is less sure.",
    "DBSCAN": "Clustering by density: points with enough neighbours within the distance eps form clusters, all others are noise.",
    "ECE": "Expected calibration error: how far confidence and accuracy lie apart, averaged over the images. 0 is perfect.",
    "eps": "The distance within which DBSCAN counts neighbours.",
    "F1": "The harmonic mean of precision and recall.",
    "HDBSCAN": "DBSCAN for all values of eps at once: it keeps the clusters that last longest.",
    "Holm's correction": "With many tests some succeed by chance. Holm's correction raises the p-values so that the chance of "
    "even one such success stays small.",
    "KMeans": "Clustering into a given number of groups, each image in the one with the nearest centre.",
    "McNemar's test": "Compares two models on the same images by those that only one of them classifies correctly.",
    "noise": "Images that DBSCAN or HDBSCAN puts into no cluster.",
    "paired t-test": "Compares two models over several seeds by their difference for each seed.",
    "Pareto front": "The models that no other beats in accuracy without costing more.",
    "PCA": "Principal component analysis: the directions in which the features vary most.",
    "precision": "The share of the images predicted as a label that really have it.",
    "purity": "The share of a label's known images that show the garments it is decoded as.",
    "recall": "The share of a label's images that are predicted as such.",
    "seed": "The number that fixes the random choices of a training: the initial weights, the order of images, dropout.",
    "silhouette": "How much closer images are to their own cluster than to the next: from -1 to 1, higher is better.",
    "support": "The number of test images of a label.",
    "tied": "Two models are tied if McNemar's test, with Holm's correction, finds no difference between them on the test images.",
    "t-SNE": "A map that keeps near neighbours near. Distances between islands and their sizes mean nothing.",
    "Wilson interval": "An interval of a share, here of the accuracy on these images; it does not cover other seeds.",
}


def term_id(term: str) -> str:
    """The id of a term's entry on the page."""
    return "term-" + "".join(letter if letter.isalnum() else "-" for letter in term.lower())
